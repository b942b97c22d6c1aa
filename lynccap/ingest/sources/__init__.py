"""Where bytes come from: files, streams, members of archives; inflated and hashed on the way."""
