-- IPv4, IPv6 and a client without an address; the block list works for both families.
dofile("common.lua")

local function verdict(host, ip)
    local conn = open(host, ip)
    clean(conn, "families-1")
    local reply = mt.getreply(conn)
    mt.disconnect(conn)
    return reply
end

check(verdict("mail.example.org", "203.0.113.5") == SMFIR_ACCEPT, "IPv4")
check(verdict("mail.example.org", "198.51.100.7") == SMFIR_REPLYCODE, "listed IPv4")
check(verdict("mail.example.org", "2001:db8::5") == SMFIR_ACCEPT, "IPv6")
check(verdict("mail.example.org", "2001:db8:bad::1") == SMFIR_REPLYCODE, "listed IPv6 network")
check(verdict("localhost", "unspec") == SMFIR_ACCEPT, "no address")
mt.echo("done")
