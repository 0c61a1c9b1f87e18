"""Side-by-side measurements of facesearch against the packages people use today."""
