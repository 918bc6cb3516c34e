"""Inputs that lie at a provider, so that nine takes of a shot upload its plate once."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, insert, or_, select

from otio_bridge.store.ledger import Ledger, new_id
from otio_bridge.store.records import UploadRecord
from otio_bridge.store.tables import upload


def find_upload(
    ledger: Ledger, content: str, *, provider: str, account: str, valid_for: float = 0
) -> UploadRecord | None:
    """Where a content (SHA-256) lies at the provider, if it stays there another `valid_for` seconds."""
    mine = (upload.c.provider == provider) & (upload.c.account == account) & (upload.c.content == content)
    with ledger.read() as conn:
        until = ledger.now(conn) + timedelta(seconds=valid_for)
        lasts = or_(upload.c.expires_at.is_(None), upload.c.expires_at > until)
        row = conn.execute(select(upload).where(mine, lasts)).mappings().first()
    return UploadRecord.of(row) if row else None


def save_upload(
    ledger: Ledger, content: str, *, provider: str, account: str, handle: str, expires: datetime | None
) -> UploadRecord:
    """Remember where a content lies; the newest handle counts."""
    with ledger.write() as conn:
        ledger.exclusive(conn, f"upload {provider} {account} {content}")
        mine = (upload.c.provider == provider) & (upload.c.account == account) & (upload.c.content == content)
        conn.execute(delete(upload).where(mine))
        record = UploadRecord(
            id=new_id(),
            provider=provider,
            account=account,
            content=content,
            handle=handle,
            expires_at=expires,
            created_at=ledger.now(conn),
        )
        conn.execute(insert(upload).values(**dict(record)))
        return record


def forget_upload(ledger: Ledger, upload_id: str) -> None:
    """It is no longer there."""
    with ledger.write() as conn:
        conn.execute(delete(upload).where(upload.c.id == upload_id))
