"""aiosmtpd_sink.py CERT KEY USER PASSWORD: aiosmtpd with STARTTLS and AUTH needed; prints its port, then a line of JSON a
mail."""
import json
import socket
import ssl
import sys
import time

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

cert, key, user, password = sys.argv[1:5]


class Handler:
    async def handle_DATA(self, server, session, envelope):
        print(json.dumps({"tls": session.ssl is not None, "login": session.auth_data, "to": envelope.rcpt_tos,
                          "content": envelope.content.decode()}), flush=True)
        return "250 taken"


def authenticate(server, session, envelope, mechanism, data):
    is_right = data.login == user.encode() and data.password == password.encode()
    return AuthResult(success=is_right, handled=False, auth_data=user if is_right else None)


class Sink(Controller):
    def factory(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        return SMTP(self.handler, tls_context=context, require_starttls=True, auth_required=True,
                    authenticator=authenticate, hostname="localhost")


with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]
sink = Sink(Handler(), hostname="127.0.0.1", port=port)
sink.start()
print(port, flush=True)
while True:
    time.sleep(3600)
