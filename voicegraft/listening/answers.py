"""What the server answers: each request is checked whole before anything is done."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from voicegraft.listening.desk import NothingError, StaleError
from voicegraft.listening.segmented import export
from voicegraft.listening.session import Session
from voicegraft.listening.sound import as_wav, keep_recording, peaks, samples_of
from voicegraft.listening.writings import ORDERS
from voicegraft.speech.audio import legible
from voicegraft.speech.manifest import SAMPLE_RATE

MOST_JSON_BYTES, MOST_SOUND_BYTES = 64_000, 30_000_000
LONGEST_TEXT, LONGEST_NAME = 20_000, 200
Handler = Callable[[Request], Awaitable[Response]]

Text = Annotated[str, Field(max_length=LONGEST_TEXT)]
Name = Annotated[str, Field(max_length=LONGEST_NAME)]


class Asked(BaseModel):
    """The body of a request."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Change(Asked):
    """What is changed of a clip that was seen at `revision`."""

    revision: Name
    text: Text | None = None
    speaker: Name | None = None
    reject: Name | None = None


class Export(Asked):
    """A recording, by the key of one of its segments, and a format."""

    key: Name
    form: Name


class Said(Asked):
    """The words that go with a recording of the microphone."""

    text: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]
    speaker: Name = ""


class RefusedError(Exception):
    """A request that cannot be answered, with its status."""

    def __init__(self, status: int, why: str, **more: Any):
        """Take what the page is told."""
        super().__init__(why)
        self.status, self.content = status, {"error": why, **more}


def answered(handler: Handler) -> Handler:
    """Return a handler that tells the page of a mistake, in JSON."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except RefusedError as error:
            return JSONResponse(error.content, error.status)
        except KeyError:
            return JSONResponse({"error": "there is no such clip any more"}, 404)
        except (ValueError, OSError) as error:
            return JSONResponse({"error": str(error)}, 422)

    return answer


class Answers:
    """Answers; what reads or writes files runs in a thread."""

    def __init__(self, session: Session):
        self.session, self.desk = session, session.desk

    async def clips(self, request: Request) -> Response:
        """Return all clips, in an order."""
        order = request.query_params.get("order", self.session.order)
        if order not in ORDERS:
            raise RefusedError(422, f"order is one of {', '.join(ORDERS)}, not {order!r}")
        return JSONResponse(await run_in_threadpool(self.session.all, order))

    async def sound(self, request: Request) -> Response:
        """Return a clip as WAV."""
        samples = await run_in_threadpool(self._samples, request)
        return Response(as_wav(samples), media_type="audio/wav")

    async def peaks(self, request: Request) -> Response:
        """Return the waveform of a clip, and its length."""
        samples = await run_in_threadpool(self._samples, request)
        seconds = len(samples) / SAMPLE_RATE
        return JSONResponse({"seconds": round(seconds, 3), "peaks": peaks(samples)})

    async def save(self, request: Request) -> Response:
        """Write what is changed of a clip; what it is now, if that was not seen."""
        change = await _asked(request, Change)
        named = change.model_dump(exclude={"revision"}, exclude_none=True)
        key = request.path_params["key"]
        try:
            clip = await run_in_threadpool(self.desk.save, key, change.revision, named)
        except StaleError as error:
            now = await run_in_threadpool(self._now, key)
            raise RefusedError(409, str(error), clip=now) from None
        return JSONResponse({"clip": self.session.shown(clip, True)})

    async def undo(self, request: Request) -> Response:
        """Undo the last save."""
        await _asked(request, Asked)
        try:
            entry, _ = await run_in_threadpool(self.desk.undo)
        except (NothingError, StaleError) as error:
            raise RefusedError(409, str(error)) from None
        return JSONResponse({"action": entry.action, "name": legible(entry.clip)})

    async def record(self, request: Request) -> Response:
        """Keep a recording and its text."""
        said = _checked(Said, dict(request.query_params))
        content = await _body(request, "audio/wav", MOST_SOUND_BYTES)
        file = await run_in_threadpool(keep_recording, self.desk.folder, content)
        clip = await run_in_threadpool(self.desk.record, file, said.text, said.speaker)
        return JSONResponse({"clip": self.session.shown(clip, True)})

    async def export(self, request: Request) -> Response:
        """Write the transcript of a recording beside it."""
        wanted = await _asked(request, Export)
        path = await run_in_threadpool(self._export, wanted)
        return JSONResponse({"file": path})

    def _samples(self, request: Request) -> Any:
        return samples_of(self.desk.clip(request.path_params["key"]), self.desk.folder)

    def _now(self, key: str) -> dict[str, Any]:
        clip = self.desk.clip(key)
        return self.session.shown(clip, (clip.table, clip.name) in self.desk.done())

    def _export(self, wanted: Export) -> str:
        path = self.desk.clip(wanted.key).path
        own = [c for c in self.desk.clips() if c.path == path and c.end is not None]
        if not own:
            raise ValueError("this clip is no segment of a recording")
        return legible(export(own, wanted.form))


async def _asked(request: Request, kind: type[BaseModel]) -> Any:
    content = await _body(request, "application/json", MOST_JSON_BYTES)
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        raise RefusedError(400, _why(error)) from None


def _checked(kind: type[BaseModel], values: dict[str, str]) -> Any:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise RefusedError(400, _why(error)) from None


def _why(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'body'}: {first['msg']}"


async def _body(request: Request, kind: str, most: int) -> bytes:
    """Return the body of a request, read no further than `most` bytes."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != kind:
        raise RefusedError(415, f"this takes {kind}")
    content = bytearray()
    async for block in request.stream():
        content += block
        if len(content) > most:
            raise RefusedError(413, f"more than {most} bytes")
    return bytes(content)
