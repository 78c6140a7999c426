"""`python -m cnnzoo` is the same program as `cnnzoo`."""

from cnnzoo.cli import main

main()
