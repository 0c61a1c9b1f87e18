"""The models of the package deepface, run by facesearch's own pipeline."""
