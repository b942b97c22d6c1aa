"""`sudo python -m sample_pcaps.lab [NAME...]` rebuilds all samples, or the named ones."""

import sys

from sample_pcaps.lab.build import main

sys.exit(main(sys.argv[1:]))
