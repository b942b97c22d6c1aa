"""Which address holds which server role, and what says so."""
