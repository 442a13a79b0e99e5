-- Three messages on one connection: each judged by itself, the client's address kept.
dofile("common.lua")

local conn = open("mail.example.org", "198.51.100.7")
-- this address is on the block list: every mail of the connection is refused
clean(conn, "several-0")
check(mt.getreply(conn) == SMFIR_REPLYCODE, "listed client, first mail: reply " .. string.char(mt.getreply(conn)))
check(mt.eom_check(conn, MT_SMTPREPLY, "554", "5.7.1", "Matched map: BLOCKED_CLIENT"), "listed client: wrong code or text")
clean(conn, "several-00")
check(mt.getreply(conn) == SMFIR_REPLYCODE, "listed client, second mail: reply " .. string.char(mt.getreply(conn)))
mt.disconnect(conn)

conn = open("mail.example.org", "203.0.113.5")
envelope(conn, "<anna@example.org>", "<martha@example.com>")
clean_headers(conn, "several-1")
body(conn, GTUBE)
check(mt.getreply(conn) == SMFIR_REPLYCODE, "first: reply " .. string.char(mt.getreply(conn)))

clean(conn, "several-2")
accepted(conn, "second")
unchanged(conn, "second")

envelope(conn, "<>", "<martha@example.com>")
body(conn, "hallo welt\r\n")
accepted(conn, "third")
check(mt.eom_check(conn, MT_HDRADD, "X-Spam") or mt.eom_check(conn, MT_HDRINSERT, "X-Spam") or mt.eom_check(conn, MT_HDRCHANGE, "X-Spam"),
    "third: not marked")
mt.disconnect(conn)
mt.echo("done")
