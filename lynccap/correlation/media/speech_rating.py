"""How telephone users would rate speech over a stream: the E-model of ITU-T G.107, cut down to what a capture shows.

R = 93.2 - Id - Ie,eff: 93.2 is the rating of a connection with all defaults of G.107 (03/2005, clause 3.7, table 2).
Id is what delay takes, with the echo taken away; Ie,eff what codec and loss take (clause 3.5). Which figures a codec
has comes from G.113 Appendix I (05/2002, tables I.1 and I.4); a codec without public figures gets no rating.
"""

from dataclasses import dataclass
from math import log10

DEFAULT_RATING = 93.2
LONGEST_DELAY_MS = 500.0  # permitted range of G.107 for the delay …
MOST_LOSS = 0.20  # … for the loss …
LEAST_BURST_RATIO, MOST_BURST_RATIO = 1.0, 2.0  # … and for bunched loss, which may be more only below 2 % loss
LITTLE_LOSS = 0.02

ASSUMPTIONS = (
    "The rating is an estimate by the E-model (ITU-T G.107) from what the capture shows: codec, lost packets, and how "
    "they bunch. Everything else counts as the standard's defaults: good telephones, no echo, no noise. Loss behind "
    "the place of the capture and packets that came too late to be played are not in it. One capture does not show "
    "the delay from mouth to ear: it is half the round trip that RTCP reports show, or none where they show none. "
    "The scale is that of narrowband telephony, on which wideband speech is rated lower than it sounds."
)
"""What a report has to say beside a rating."""


@dataclass(frozen=True, slots=True)
class Impairment:
    """What a codec takes from the rating (G.113 Appendix I)."""

    codec: str
    equipment: float
    """Ie: without loss."""
    robustness: float | None
    """Bpl: how well it stands loss, in percent; None where no public figure exists."""
    basis: str


# By RTP payload type. Receivers of Lync conceal losses of G.711, hence the figure with packet loss concealment.
IMPAIRMENTS = {
    0: Impairment("PCMU (G.711)", 0.0, 25.1, "G.113 I: G.711 with packet loss concealment, 10 ms"),
    3: Impairment("GSM 06.10", 20.0, None, "G.113 I: GSM full rate; no figure for loss"),
    4: Impairment("G.723.1", 15.0, 16.1, "G.113 I: G.723.1 with VAD, 6.3 kbit/s, 30 ms"),
    8: Impairment("PCMA (G.711)", 0.0, 25.1, "G.113 I: G.711 with packet loss concealment, 10 ms"),
    18: Impairment("G.729", 11.0, 19.0, "G.113 I: G.729A with VAD, 20 ms"),
}

# Why others have none.
UNRATED = {
    9: "G.722 is wideband: public figures exist for the wideband scale only (G.107.1)",
    112: "G.722.1 is wideband: public figures exist for the wideband scale only (G.107.1)",
    117: "G.722 stereo is wideband: public figures exist for the wideband scale only (G.107.1)",
    103: "nobody published figures for SILK",
    104: "nobody published figures for SILK",
    111: "nobody published figures for Siren",
    114: "nobody published figures for RTAudio",
    115: "nobody published figures for RTAudio",
}


@dataclass(frozen=True, slots=True)
class Rating:
    """A rating, or why there is none."""

    rating: float | None
    """R, 0 to 93.2."""
    mos: float | None
    """The mean of opinions in a conversation (MOS-CQE), 1 to 4.5."""
    basis: str
    """On which codec figures and which delay it rests, or why there is none."""


def rate(payload_type: int, loss: float, burst_ratio: float = 1.0, delay_ms: float | None = None) -> Rating:
    """The rating of a stream of this payload type.

    `loss` is the share of packets lost, 0 to 1; `burst_ratio` how much longer losses in a row are than chance makes
    them, 1 and more; `delay_ms` the delay from mouth to ear in one direction, None when it is not known.
    """
    impairment = IMPAIRMENTS.get(payload_type)
    if impairment is None:
        return _unrated(UNRATED.get(payload_type, f"no public figures for payload type {payload_type}"))
    if loss and impairment.robustness is None:
        return _unrated(f"no public figure for how {impairment.codec} stands loss")
    if loss > MOST_LOSS:
        return _unrated(f"more than {MOST_LOSS:.0%} of the packets are lost: the model does not reach that far")
    if delay_ms is not None and delay_ms > LONGEST_DELAY_MS:
        return _unrated(f"a delay of more than {LONGEST_DELAY_MS:.0f} ms: the model does not reach that far")
    ratio = max(burst_ratio, LEAST_BURST_RATIO)
    if loss >= LITTLE_LOSS:
        ratio = min(ratio, MOST_BURST_RATIO)
    rating = DEFAULT_RATING - delay_impairment(delay_ms or 0.0) - loss_impairment(impairment, loss, ratio)
    delay = "the delay is not known" if delay_ms is None else f"a delay of {delay_ms:.0f} ms"
    return Rating(max(rating, 0.0), opinion(rating), f"{impairment.basis}; {delay}")


def opinion(rating: float) -> float:
    """The mean opinion score of a rating R (G.107 Annex B)."""
    if rating <= 0:
        return 1.0
    if rating >= 100:
        return 4.5
    return max(1.0, 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6)


def delay_impairment(delay_ms: float) -> float:
    """Id of a connection without echo: what a delay above 100 ms takes (Idd, G.107 clause 3.4)."""
    if delay_ms <= 100:
        return 0.0
    x = log10(delay_ms / 100) / log10(2)
    return float(25 * ((1 + x**6) ** (1 / 6) - 3 * (1 + (x / 3) ** 6) ** (1 / 6) + 2))


def loss_impairment(impairment: Impairment, loss: float, burst_ratio: float = 1.0) -> float:
    """Ie,eff: what the codec takes under this share of lost packets (G.107 clause 3.5)."""
    if not loss or impairment.robustness is None:
        return impairment.equipment
    percent = loss * 100
    return impairment.equipment + (95 - impairment.equipment) * percent / (
        percent / burst_ratio + impairment.robustness
    )


def burst_ratio(expected: int, lost: int, bursts: int) -> float:
    """How long losses in a row are against what chance would make of the same loss (BurstR, G.107 clause 3.5).

    1 where nothing is lost. Losses at random come in stretches of 1 / (1 - loss) packets on average.
    """
    if not lost or not bursts or lost >= expected:
        return 1.0
    return max(1.0, (lost / bursts) * (1 - lost / expected))


def _unrated(reason: str) -> Rating:
    return Rating(None, None, reason)
