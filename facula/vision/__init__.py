"""Reading images and image collections: files on disk to NumPy arrays of grey levels.

`datasets/` reads whole collections, `io/` single pictures. Nothing here knows a Tensor, so a file
is checked before any tensor exists. Pillow is imported only where a picture is decoded.
"""
