"""Training face networks of one's own, from folders of people to a model that searches.

Nothing outside imports it. It needs the extra `train`: `pip install 'facesearch[train]'`.
"""
