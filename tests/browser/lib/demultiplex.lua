-- tshark cannot know what a WebRTC port carries when it has not seen the SDP, so it is told: RFC 7983 §7 (STUN, DTLS, RTP by the first byte) and
-- RFC 5761 §4 (RTP or RTCP by the second). The ports are in TSUBAME_PORTS, separated by commas. RTP and RTCP are to be in plain.

local webrtc = Proto("webrtc_port", "WebRTC media port")
local dissectors = {}
for _, name in ipairs({ "stun-udp", "dtls", "rtp", "rtcp" }) do dissectors[name] = Dissector.get(name) end

local function protocol(bytes)
    local first = bytes(0, 1):uint()
    if first < 4 then return "stun-udp" end
    if first >= 20 and first < 64 then return "dtls" end
    if first >= 128 and first < 192 and bytes:len() > 1 then
        local second = bytes(1, 1):uint()
        return second >= 192 and second < 224 and "rtcp" or "rtp"
    end
end

function webrtc.dissector(bytes, packet, tree)
    if bytes:len() == 0 then return 0 end
    local name = protocol(bytes)
    if not name then return 0 end
    return dissectors[name]:call(bytes, packet, tree)
end

for port in string.gmatch(os.getenv("TSUBAME_PORTS") or "", "%d+") do
    DissectorTable.get("udp.port"):add(tonumber(port), webrtc)
end
