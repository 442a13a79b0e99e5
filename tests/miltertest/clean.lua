-- A whole clean session: the filter wants to see every event and changes nothing.
dofile("common.lua")

local conn = open("mail.example.org", "203.0.113.5")
for _, bit in ipairs({ SMFIP_NOCONNECT, SMFIP_NOHELO, SMFIP_NOMAIL, SMFIP_NORCPT, SMFIP_NOBODY, SMFIP_NOHDRS, SMFIP_NOEOH }) do
    check(not mt.test_option(conn, bit), "the filter refuses to see an event")
end
for _, bit in ipairs({ SMFIF_ADDHDRS, SMFIF_CHGHDRS, SMFIF_QUARANTINE }) do
    check(mt.test_action(conn, bit), "an action was not asked for")
end
clean(conn, "clean-1")
accepted(conn, "clean mail")
unchanged(conn, "clean mail")
mt.disconnect(conn)
mt.echo("done")
