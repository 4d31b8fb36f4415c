"""Files through the pages: sent, shown, fetched byte for byte, removed; refused with everything kept."""

from __future__ import annotations

from io import BytesIO

from PIL import Image

from tests.conftest import Web


def picture(width: int = 64, height: int = 32) -> bytes:
    out = BytesIO()
    Image.new("RGB", (width, height), "red").save(out, "PNG")
    return out.getvalue()


def begin(web: Web) -> str:
    sam = web.signed_in("sam")
    answer = sam.post(
        "/store/messages",
        {
            "recipient_type": "customer",
            "recipient_id": str(web.cast.cleo.id),
            "subject": "Photos",
            "content": "",
            "attachments": (BytesIO(picture()), "Brot 🍞.png"),
        },
    )
    assert answer.status_code == 303, answer.text
    return answer.location.rsplit("/", 1)[1]


def test_a_picture_arrives_byte_for_byte_with_a_thumbnail(web: Web) -> None:
    number = begin(web)
    cleo = web.signed_in("cleo")
    at = f"/storefront/account/messages/{number}"
    assert cleo.get(at).status_code == 200
    file = cleo.get(f"{at}/attachments/1")
    assert file.data == picture()
    assert file.headers["Content-Type"] == "image/png"
    assert file.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert "no-store" in file.headers["Cache-Control"]
    assert "filename*=UTF-8''Brot%20%F0%9F%8D%9E.png" in file.headers["Content-Disposition"]
    assert cleo.get(f"{at}/attachments/1/thumbnail").headers["Content-Type"] == "image/webp"
    part = cleo.get(f"{at}/attachments/1", headers={"Range": "bytes=4-7"})
    assert (part.status_code, part.data) == (206, picture()[4:8])
    beyond = cleo.get(f"{at}/attachments/1", headers={"Range": "bytes=99999-"})
    assert beyond.status_code == 416
    assert web.signed_in("omar").get(f"{at}/attachments/1").status_code == 404


def test_only_its_sender_or_an_admin_who_sees_it_removes_a_file(web: Web) -> None:
    number = begin(web)
    cleo, sam = web.signed_in("cleo"), web.signed_in("sam")
    refused = cleo.post(f"/storefront/account/messages/{number}/attachments/1/remove")
    assert refused.status_code == 403
    assert sam.post(f"/store/messages/{number}/attachments/1/remove", {"reason": "wrong photo"}).status_code == 303
    assert sam.post(f"/store/messages/{number}/attachments/1/remove").status_code == 303
    assert sam.get(f"/store/messages/{number}/attachments/1").status_code == 404
    assert list((web.app.extensions["storage"].root).rglob("*.png")) == []


def test_one_bad_file_refuses_the_whole_send_and_keeps_the_text(web: Web) -> None:
    number = begin(web)
    sam = web.signed_in("sam")
    data = {
        "content": "two files",
        "attachments": [(BytesIO(picture()), "good.png"), (BytesIO(b"MZ..."), "evil.exe")],
    }
    for htmx in (False, True):
        answer = sam.post(f"/store/messages/{number}/messages", data, htmx=htmx)
        data["attachments"] = [(BytesIO(picture()), "good.png"), (BytesIO(b"MZ..."), "evil.exe")]
        assert answer.status_code == 422
        assert "two files" in answer.text
    assert len(list(web.app.extensions["storage"].root.rglob("*.png"))) == 1
