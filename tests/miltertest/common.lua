-- What the scripts share: a connection, a message, and checks that say what was wrong.

function check(held, what)
    if not held then
        mt.echo("FAILED: " .. what) -- miltertest itself ends without a word
        error(what, 2)
    end
end

function connect()
    local conn = mt.connect("inet:" .. port .. "@127.0.0.1", 40, 0.05)
    check(conn ~= nil, "no connection to port " .. port)
    return conn
end

-- connects and negotiates what Postfix and Sendmail offer
function open(host, ip)
    local conn = connect()
    check(mt.negotiate(conn, 6, 511, 2097151) == nil, "negotiation failed")
    check(mt.conninfo(conn, host, ip) == nil, "CONNECT failed")
    check(mt.helo(conn, "mail.example.org") == nil, "HELO failed")
    return conn
end

function envelope(conn, from, to)
    mt.macro(conn, SMFIC_MAIL, "i", "4ABC", "{mail_addr}", from)
    check(mt.mailfrom(conn, from) == nil, "MAIL failed")
    check(mt.rcptto(conn, to) == nil, "RCPT failed")
    check(mt.data(conn) == nil, "DATA failed")
end

-- the blank behind the colon, where both sides agreed to keep it (miltertest 2.11 does not offer that)
function blank(conn)
    return mt.test_option(conn, SMFIP_HDR_LEADSPC) and " " or ""
end

function header(conn, name, value)
    check(mt.header(conn, name, blank(conn) .. value) == nil, "header " .. name .. " failed")
end

function clean_headers(conn, id)
    header(conn, "Date", os.date("!%a, %d %b %Y %H:%M:%S +0000"))
    header(conn, "From", "Anna Beispiel <anna@example.org>")
    header(conn, "To", "Martha <martha@example.com>")
    header(conn, "Subject", "Lunch on Friday")
    header(conn, "Message-ID", "<" .. id .. "@example.org>")
end

function body(conn, text)
    check(mt.eoh(conn) == nil, "end of headers failed")
    if text ~= nil then
        check(mt.bodystring(conn, text) == nil, "body failed")
    end
    check(mt.eom(conn) == nil, "end of message failed")
end

function clean(conn, id)
    envelope(conn, "<anna@example.org>", "<martha@example.com>")
    clean_headers(conn, id)
    body(conn, "Shall we have lunch on Friday?\r\n")
end

GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\r\n"

function accepted(conn, what)
    check(mt.getreply(conn) == SMFIR_ACCEPT, what .. ": reply " .. string.char(mt.getreply(conn)) .. " where accept was due")
end

function unchanged(conn, what)
    for _, op in ipairs({ MT_HDRADD, MT_HDRCHANGE, MT_HDRDELETE, MT_HDRINSERT, MT_BODYCHANGE, MT_QUARANTINE }) do
        check(not mt.eom_check(conn, op), what .. ": edit " .. op .. " where none was due")
    end
end
