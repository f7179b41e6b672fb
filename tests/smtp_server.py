# SPDX-License-Identifier: BSD-2-Clause
"""smtp_server.py MODE DIR [CERT KEY]: an SMTP server on a port of its own, whose number is the first line of its
output; it ends with its standard input. Each mail it takes is a file in DIR: 1.eml, 2.eml, ..."""
import asyncio
import os
import ssl
import sys

try:
    from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
except ImportError:
    sys.exit(77)

mode, folder = sys.argv[1:3]


class Handler:
    count = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if mode.startswith("rcpt"):
            return "%s no such user" % mode[4:]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if mode.startswith("data"):
            return "%s not this one" % mode[4:]
        Handler.count += 1
        name = os.path.join(folder, "%d.eml" % Handler.count)
        with open(name + ".new", "wb") as f:
            f.write(("X-From: %s\r\nX-To: %s\r\nX-TLS: %s\r\nX-Login: %s\r\n" % (
                envelope.mail_from, ",".join(envelope.rcpt_tos), server.transport.get_extra_info("ssl_object") is not None,
                session.authenticated)).encode())
            f.write(envelope.original_content)
        os.rename(name + ".new", name)
        if mode == "lost":  # it has the mail, and dies before it says so
            server.transport.abort()
        if mode == "silent":
            await asyncio.Event().wait()
        return "250 OK"

    async def handle_QUIT(self, server, session, envelope):
        if mode == "tired":
            await asyncio.Event().wait()
        return "221 Bye"


def authenticate(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"app", b"secret")
    # handled: else aiosmtpd 1.4.6 takes it that the answer was sent here.
    return AuthResult(success=good, handled=False)


async def mute(reader, writer):
    await reader.read()


async def main():
    tls = None
    if len(sys.argv) > 3:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(sys.argv[3], sys.argv[4])
    loop = asyncio.get_running_loop()

    def protocol():
        options = {"hostname": "localhost", "enable_SMTPUTF8": True}
        if mode == "starttls":
            options.update(tls_context=tls, require_starttls=True)
        if mode == "login":
            options.update(authenticator=authenticate, auth_required=True, auth_require_tls=False)
        return SMTP(Handler(), loop=loop, **options)

    if mode == "mute":
        server = await asyncio.start_server(mute, "127.0.0.1", 0)
    else:
        server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=tls if mode == "smtps" else None)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    os._exit(0)


asyncio.run(main())
