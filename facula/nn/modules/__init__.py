"""The layers, one file a kind; `facula.nn` shows their names."""
