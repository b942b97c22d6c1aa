"""Windows event traces (.etl) that hold packets, as `netsh trace` and `pktmon` record them.

No public capture of this kind was at hand: every fact of the layout comes from what others wrote of it, at least two
of them where two exist. What only one says, or nobody, is marked UNVERIFIED where it is used, and read only where the
event itself proves it; else the packet is left out and counted.

| fact | sources |
|---|---|
| a file is a row of buffers, each behind a WMI_BUFFER_HEADER of 0x48 bytes: BufferSize 0x00, SavedOffset 0x04, SequenceNumber 0x18, processor 0x28, filled bytes 0x30, flags 0x34, type 0x36 | [phnt] ntwmi.h; [Chappell] WMI_BUFFER_HEADER; [MS] ETW_BUFFER_HEADER; [snail]; [dissect.etl]; [etl-parser] |
| buffer flags 2 and 4: events, buffers were lost; 0x40: compressed; type 4: the first buffer | [phnt]; [dissect.etl]; [etl-parser]; [snail] |
| buffers of one processor follow each other by SequenceNumber, those of several interleave; a circular file is out of order | [snail]; [MS] Logging Mode Constants |
| records begin at multiples of 8; a marker with its top bit set, 0xC0 and a header type; the size is the first word, but the third for system, compact and perfinfo headers; zeros or 0xFFFFFFFF end the buffer early | [phnt]; [Chappell] WMI_TRACE_PACKET; [snail]; [dissect.etl] |
| the first record is a system header (type 1 of a 32-bit, 2 of a 64-bit session, version 2, hook 0) with a TRACE_LOGFILE_HEADER of 0x110 or 0x118 bytes and two names | [Chappell] TRACE_LOGFILE_HEADER; [MS] TRACE_LOGFILE_HEADER; [vergilius]; [snail] |
| clock 1 counts PerfFreq ticks a second, 2 is system time (100 ns since 1601 UTC), 3 counts CpuSpeedInMHz million; ticks become time by the first record's own time stamp, which is StartTime | [MS] WNODE_HEADER; [dissect.etl]; [CSS_SQL_Networking_Tools] |
| mode 0x04000000: compressed buffers; 2: circular | [phnt]; [MS] Logging Mode Constants; [snail] |
| events of manifest providers are EVENT_HEADER (types 0x12, 0x13) of 0x50 bytes, size first; flag 1: extended items follow, each of a head of 8 bytes and data, padded to 8, the low bit of its third word says that another follows | [MS-DTYP] 2.3.2; [MS] EVENT_HEADER_EXTENDED_DATA_ITEM; [etl-parser]; [dissect.etl] and its recorded example |

The facts of the providers stand in `ndiscap`, `ndiswan` and `pktmon`.
"""  # noqa: E501  a table row is one line
