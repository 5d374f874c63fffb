"""The process of one system: started by `sides.There`, with the task as its argument."""

import sys

from .sides import serve

if __name__ == "__main__":
    serve(sys.argv[1])
