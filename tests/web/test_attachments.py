"""Files through the pages: sent, shown, fetched byte for byte, removed; refused with everything kept."""

from __future__ import annotations

from io import BytesIO

from PIL import Image

from tests.conftest import Web
from tests.web.forms import alerts


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


def test_a_link_to_another_store_offers_to_switch_and_never_does(web: Web) -> None:
    lea = web.signed_in("lea")
    offer = lea.get("/store/messages?store=cycles")
    assert offer.status_code == 200 and "Northwind Cycles" in offer.text and "/store/switch" in offer.text
    assert 'name="next" value="/store/messages"' in offer.text
    assert "Northwind Cycles</span>" not in lea.get("/store/messages?store=nowhere").text.split("popover")[0]
    moved = lea.post("/store/switch", {"store_id": str(web.cast.cycles), "next": "/store/messages"})
    assert moved.status_code == 303
    assert lea.get("/store/messages?store=cycles").status_code == 200


def test_admins_change_settings_on_their_page_at_once(web: Web) -> None:
    ada = web.signed_in("ada")
    assert "Maximum attachment size" in ada.get("/admin/settings").text
    bad = ada.post("/admin/settings", {"message_attachment_max_size_mb": "0", "message_attachment_max_files": "3"})
    assert bad.status_code == 422
    assert "Maximum attachment size in MB must be a whole number from 1 to 100." in alerts(bad.text)
    good = ada.post("/admin/settings", {"message_attachment_max_size_mb": "1", "message_attachment_max_files": "3"})
    assert good.status_code == 303
    number = begin(web)
    answer = web.signed_in("sam").post(
        f"/store/messages/{number}/messages", {"attachments": (BytesIO(b"x" * (1024 * 1024 + 1)), "long.txt")}
    )
    assert answer.status_code == 413 and "larger than 1 MB" in answer.text
