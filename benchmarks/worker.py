"""The process of one system: started by `processes.Process`, with the system and the threads as its arguments."""

import sys

from .processes import serve

if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
