"""How well media arrives (catalogue group 7)."""

from lynccap.diagnosis.contract import Rule
from lynccap.diagnosis.rules.quality.codecs import codec_downgraded, fec_active
from lynccap.diagnosis.rules.quality.contention import quality_bulk_contention, tcp_media_retransmissions
from lynccap.diagnosis.rules.quality.delay import media_rtt_high, rtp_jitter_poor
from lynccap.diagnosis.rules.quality.loss import rtp_burst_loss, rtp_loss_poor
from lynccap.diagnosis.rules.quality.marking import dscp_lpe_40, dscp_rewritten, dscp_unmarked
from lynccap.diagnosis.rules.quality.reports import rtcp_absent
from lynccap.diagnosis.rules.quality.video import video_rate_low

RULES: tuple[Rule, ...] = (
    rtp_loss_poor,
    rtp_burst_loss,
    rtp_jitter_poor,
    media_rtt_high,
    dscp_unmarked,
    dscp_rewritten,
    dscp_lpe_40,
    codec_downgraded,
    fec_active,
    quality_bulk_contention,
    tcp_media_retransmissions,
    video_rate_low,
    rtcp_absent,
)
