"""`python -m facula` is the command `facula`."""

from facula.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
