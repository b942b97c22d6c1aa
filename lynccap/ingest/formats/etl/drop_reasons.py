"""Why Windows drops a packet: PKTMON_DROP_REASON by number, in Windows' own words without their prefix.

Numbers 0 to 38 are the same in [NetMon_Parsers_for_PacketMon] (2018), [retina] pkg/metrics/types_windows.go and a later
pktmon header; the others in the last two. What changed its meaning between versions of Windows (101 to 228, 401 to 404,
801, 3000 and up) or stands in one source only is not named here.
"""

_FROM = {
    0: """Unknown InvalidData InvalidPacket Resources NotReady Disconnected NotAccepted Busy Filtered FilteredVLAN
        UnauthorizedVLAN UnauthorizedMAC FailedSecurityPolicy FailedPvlanSetting Qos Ipsec MacSpoofing DhcpGuard
        RouterGuard BridgeReserved VirtualSubnetId RequiredExtensionMissing InvalidConfig MTUMismatch NativeFwdingReq
        InvalidVlanFormat InvalidDestMac InvalidSourceMac InvalidFirstNBTooSmall Wnv StormLimit InjectedIcmp
        FailedDestinationListUpdate NicDisabled FailedPacketFilter SwitchDataFlowDisabled FilteredIsolationUntagged
        InvalidPDQueue LowPower""",
    601: """FL_LoopbackPacket FL_InvalidSnapHeader FL_InvalidEthernetType FL_InvalidPacketLength
        FL_HeaderNotContiguous FL_InvalidDestinationType FL_InterfaceNotReady FL_ProviderNotReady FL_InvalidLsoInfo
        FL_InvalidUsoInfo FL_InvalidMedium FL_InvalidArpHeader FL_NoClientInterface""",
    701: """ArpGuard ArpLimiter DhcpLimiter BlockBroadcast BlockNonIp ArpFilter Ipv4Guard Ipv6Guard MacGuard
        BroadcastNoDestinations UnicastNoDestination UnicastPortNotReady SwitchCallbackFailed Icmpv6Limiter Intercept
        InterceptBlock NDPGuard PortBlocked NicSuspended""",
    901: """NL_BadSourceAddress NL_NotLocallyDestined NL_ProtocolUnreachable NL_PortUnreachable NL_BadLength
        NL_MalformedHeader NL_NoRoute NL_BeyondScope NL_InspectionDrop NL_TooManyDecapsulations
        NL_AdministrativelyProhibited NL_BadChecksum NL_ReceivePathMax NL_HopLimitExceeded NL_AddressUnreachable
        NL_RscPacket NL_ForwardPathMax NL_ArbitrationUnhandled NL_InspectionAbsorb NL_DontFragmentMtuExceeded
        NL_BufferLengthExceeded NL_AddressResolutionTimeout NL_AddressResolutionFailure NL_IpsecFailure
        NL_ExtensionHeadersFailure NL_IpsnpiClientDrop NL_UnsupportedOffload NL_RoutingFailure NL_AncillaryDataFailure
        NL_RawDataFailure NL_SessionStateFailure NL_IpsnpiModifiedButNotForwarded NL_IpsnpiNoNextHop
        NL_IpsnpiNoCompartment NL_IpsnpiNoInterface NL_IpsnpiNoSubInterface NL_IpsnpiInterfaceDisabled
        NL_IpsnpiSegmentationFailed NL_IpsnpiNoEthernetHeader NL_IpsnpiUnexpectedFragment
        NL_IpsnpiUnsupportedInterfaceType NL_IpsnpiInvalidLsoInfo NL_IpsnpiInvalidUsoInfo NL_InternalError
        NL_AdministrativelyConfigured NL_BadOption NL_LoopbackDisallowed NL_SmallerScope NL_QueueFull
        NL_InterfaceDisabled""",
    1200: """INET_SourceUnspecified INET_DestinationMulticast INET_HeaderInvalid INET_ChecksumInvalid
        INET_EndpointNotFound INET_ConnectedPath INET_SessionState INET_ReceiveInspection INET_AckInvalid
        INET_ExpectedSyn INET_Rst INET_SynRcvdSyn INET_SimultaneousConnect INET_PawsFailed INET_LandAttack
        INET_MissedReset INET_OutsideWindow INET_DuplicateSegment INET_ClosedWindow INET_TcbRemoved INET_FinWait2
        INET_ReassemblyConflict INET_FinReceived INET_ListenerInvalidFlags INET_TcbNotInTcbTable
        INET_TimeWaitTcbReceivedRstOutsideWindow INET_TimeWaitTcbSynAndOtherFlags INET_TimeWaitTcb
        INET_SynAckWithFastopenCookieRequest INET_PauseAccept INET_SynAttack INET_AcceptInspection
        INET_AcceptRedirection""",
}

DROP_REASONS = {first + place: name for first, names in _FROM.items() for place, name in enumerate(names.split())}
