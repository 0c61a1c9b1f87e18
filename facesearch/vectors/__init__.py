"""Vectors: nearest-neighbour indexes over embeddings; every one is a cache of the catalog."""
