"""Numbers of protocols that several rooms of correlation ask for."""

HTTP, HTTPS = 80, 443
SIP_PORT, SIP_TLS_PORT = 5060, 5061
PSOM_PORT = 8057
PSOM_PORTS = (PSOM_PORT, 8058)  # the latter for Live Meeting's clients
OLD_FILE_PORTS = (6891, 6901)  # first and last: files between clients of Communicator 2007 R2 and older (p068)
FIN, SYN, RST, ACK = 1, 2, 4, 16  # RFC 9293 3.1, as the column `flags` has them
CONTROL = FIN | SYN | RST
INITIAL_TTLS = (64, 128, 255)
"""What hosts send with: Linux and phones, Windows, network gear. Routers have taken something off any other."""
