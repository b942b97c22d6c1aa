"""RTP and RTCP measured over every carrier: streams, their numbers and timing, and the reports beside them."""
