-- GTUBE in the body: 554 5.7.1 with the rule's own text.
dofile("common.lua")

local conn = open("mail.example.org", "203.0.113.5")
envelope(conn, "<anna@example.org>", "<martha@example.com>")
clean_headers(conn, "gtube-1")
body(conn, GTUBE)
check(mt.getreply(conn) == SMFIR_REPLYCODE, "GTUBE: reply " .. string.char(mt.getreply(conn)))
check(mt.eom_check(conn, MT_SMTPREPLY, "554", "5.7.1", "Gtube pattern"), "GTUBE: wrong code or text")
mt.disconnect(conn)
mt.echo("done")
