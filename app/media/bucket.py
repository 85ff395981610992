"""The store of photos in a bucket of any S3 store."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.error import InvalidResponseError, MinioException, S3Error
from urllib3.exceptions import HTTPError

from app.media.storage import GoneError, Kept, StoreError
from config import PhotoSettings

CONNECT_WITHIN_S = 3.0
ANSWER_WITHIN_S = 15.0
CONNECTIONS = 16
TRY_AGAIN = frozenset({500, 502, 503, 504})


class Bucket:
    """A bucket of an S3 store. The bucket must exist; it needs no public access and should have none."""

    def __init__(self, settings: PhotoSettings, http: urllib3.PoolManager | None = None) -> None:
        address = urlsplit(settings.s3_endpoint)
        self._bucket = settings.s3_bucket
        self._client = Minio(
            endpoint=address.netloc,
            access_key=settings.s3_access_key,
            secret_key=settings.s3_secret_key,
            region=settings.s3_region,  # given, so that the store is not asked first
            secure=address.scheme == "https",
            http_client=http or make_pool(),
        )

    def put(self, key: str, data: bytes) -> None:
        """See :class:`~app.media.storage.Store`."""
        with _telling():
            self._client.put_object(
                bucket_name=self._bucket, object_name=key, data=io.BytesIO(data), length=len(data)
            )

    def get(self, key: str) -> bytes:
        """See :class:`~app.media.storage.Store`."""
        with _telling(key):
            answer = self._client.get_object(bucket_name=self._bucket, object_name=key)
            try:
                return bytes(answer.read())
            finally:
                answer.close()
                answer.release_conn()

    def delete(self, key: str) -> None:
        """See :class:`~app.media.storage.Store`."""
        with _telling():
            self._client.remove_object(bucket_name=self._bucket, object_name=key)

    def exists(self, key: str) -> bool:
        """See :class:`~app.media.storage.Store`."""
        try:
            with _telling(key):
                self._client.stat_object(bucket_name=self._bucket, object_name=key)
        except GoneError:
            return False
        return True

    def shard(self, number: int) -> Iterator[Kept]:
        """See :class:`~app.media.storage.Store`."""
        with _telling():
            for found in self._client.list_objects(
                bucket_name=self._bucket, prefix=f"{number:02x}/", recursive=True
            ):
                if found.object_name is not None and found.last_modified is not None:
                    yield Kept(found.object_name, found.last_modified)


def make_pool(answer_within_s: float = ANSWER_WITHIN_S) -> urllib3.PoolManager:
    """Connections to the store: what failed at once is tried once more, a slow store is not.

    At once fails a connection that is refused or broken, and a request that the store answers with an
    error of its own (``TRY_AGAIN``): the S3 API asks its callers to send such a request again. Every
    request here may come twice. Waiting for a slow store a second time would hold up the phone for nothing.
    """
    return urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=CONNECT_WITHIN_S, read=answer_within_s),
        maxsize=CONNECTIONS,
        cert_reqs="CERT_REQUIRED",
        retries=urllib3.Retry(
            connect=1,
            read=0,
            redirect=0,
            status=1,
            other=0,
            status_forcelist=TRY_AGAIN,
            raise_on_status=False,  # the store's own word for it is worth more than "too many tries"
        ),
    )


@contextlib.contextmanager
def _telling(key: str | None = None) -> Iterator[None]:
    """Turn what the client raises into the two errors of a store."""
    try:
        yield
    except (S3Error, InvalidResponseError) as error:
        code = _code(error)
        if key is not None and code in {"NoSuchKey", "NoSuchObject"}:
            raise GoneError(key) from error
        raise StoreError(f"the S3 store refused: {code}") from error
    except (MinioException, HTTPError, OSError, ValueError) as error:
        raise StoreError(f"the S3 store cannot be reached: {type(error).__name__}") from error


def _code(error: S3Error | InvalidResponseError) -> str:
    """The store's word for what is wrong. Some send it as text/xml, which the client does not read."""
    if isinstance(error, S3Error):
        return error.code or "nothing said"
    found = re.search(r"<Code>(\w{1,60})</Code>", str(error))
    return found[1] if found else "an answer that is not S3's"
