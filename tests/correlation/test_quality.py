"""What a capture cannot show is said with its reason."""

from cases import case, flow

from lynccap.correlation.quality import read_quality


def says(**facts: object) -> dict[str, str]:
    made = case([flow("10.1.0.9", "10.1.0.1", 443)])
    for name, value in facts.items():
        made.tables.captures.at[0, name] = value
    return {one.code: one.says for one in read_quality(made)}


def test_frames_that_are_not_read_are_counted_by_reason() -> None:
    reasons = (("encrypted", 2), ("unknown link type", 1))
    assert says(undecoded=3, undecoded_reasons=reasons)["undecoded"] == (
        "3 of 100 frames are of a kind that is not read (encrypted: 2, unknown link type: 1)."
    )


def test_missing_and_overlapping_fragments_are_said() -> None:
    told = says(fragments_incomplete=1, fragments_overlapping=2)
    assert told["fragments-missing"].startswith("1 IP datagram is not whole")
    assert told["fragments-overlapping"] == "2 IP datagrams are not read, because their fragments overlap."
    assert not {"fragments-missing", "fragments-overlapping", "undecoded"} & set(says())
