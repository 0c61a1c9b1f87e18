"""`facesearch models`: which models there are, and getting, adding and measuring them."""
