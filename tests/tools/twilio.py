"""twilio.py: what Twilio does towards us: forms, signatures, callbacks."""
import base64
import hashlib
import hmac
import urllib.parse

ACCOUNT, TOKEN = "AC" + "0123456789abcdef" * 2, "12345"


def form(request):
    return dict(urllib.parse.parse_qsl(request.body.decode(), keep_blank_values=True, strict_parsing=True))


def sign(url, fields, token=TOKEN):
    text = url + "".join(k + v for k, v in sorted(fields.items()))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def call(campd, path, fields, token=TOKEN, signature=None):
    url = "http://%s:%d%s" % (campd.host, campd.port, path)
    headers = {"Content-Type": "application/x-www-form-urlencoded",
               "X-Twilio-Signature": signature or sign(url, fields, token)}
    return campd.ask("POST", path, urllib.parse.urlencode(fields), key="", headers=headers)


def report(campd, request, status, token=TOKEN, **more):
    """How the message of this request fared, to the address that it gave."""
    url = urllib.parse.urlsplit(form(request)["StatusCallback"])
    fields = {"MessageSid": "SM1", "MessageStatus": status, "To": form(request)["To"], **more}
    return call(campd, url.path + "?" + url.query, fields, token)
