import sys
from pathlib import Path

# The laboratory is not part of the installed packages; it is imported from the working copy.
sys.path.append(str(Path(__file__).parents[2]))
