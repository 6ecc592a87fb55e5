"""The command `facula`: train a network on images, use it, look at the machine.

The package stands on top of the library and reaches it only through `import facula`, as a user's
program does. `main.py` parses the command line; each command has its module.
"""
