"""Asks shared libraries which version they are, by calling the function they export for that.

Reads paths, one a line; writes `path<TAB>product<TAB>version` a line for each answer. Every path is asked in a process of its own,
since loading foreign code may end it. Only a function that the file itself defines counts: one that it merely imports would
answer for another file. What the file says when it runs is independent of what its bytes look like.
"""

import concurrent.futures
import ctypes
import os
import re
import struct
import subprocess
import sys


def defined(path):
    """Names that the dynamic symbol table of an ELF64 file defines."""
    with open(path, "rb") as file:
        data = file.read()
    if data[:4] != b"\x7fELF" or data[4] != 2:
        return set()
    offset, size, count = struct.unpack_from("<Q", data, 0x28)[0], *struct.unpack_from("<HH", data, 0x3A)
    sections = [struct.unpack_from("<IIQQQQIIQQ", data, offset + size * n) for n in range(count)]
    names = set()
    for section in sections:
        if section[1] != 11:  # SHT_DYNSYM
            continue
        strings = sections[section[6]]
        for at in range(section[4], section[4] + section[5], 24):
            name, info, _, index = struct.unpack_from("<IBBH", data, at)
            if index and info & 15 in (1, 2, 10):
                start = strings[4] + name
                names.add(data[start : data.index(b"\0", start)].decode("latin-1"))
    return names


def text(name, *arguments):
    def call(library):
        function = getattr(library, name)
        function.restype = ctypes.c_char_p
        return function(*arguments)

    return name, call


def number(name, show, *arguments):
    def call(library):
        function = getattr(library, name)
        function.restype = ctypes.c_uint
        return show(function(*arguments))

    return name, call


def pointer(name):
    return name, lambda library: ctypes.c_char_p.in_dll(library, name).value


def array(name):
    return name, lambda library: ctypes.string_at(ctypes.addressof(ctypes.c_char.in_dll(library, name)))


def integer(name, show):
    return name, lambda library: show(ctypes.c_uint.in_dll(library, name).value)


def parts(name, count, *before):
    """A function that writes its version into integers."""

    def call(library):
        numbers = [ctypes.c_int() for _ in range(count)]
        getattr(library, name)(*before, *[ctypes.byref(number) for number in numbers])
        return ".".join(str(number.value) for number in numbers)

    return name, call


def decimal(value):
    """10632 is 1.6.32"""
    return f"{value // 10000}.{value // 100 % 100}.{value % 100}"


def octets(value):
    """0x010305 is 1.3.5"""
    return f"{value >> 16 & 255}.{value >> 8 & 255}.{value & 255}"


def thousands(value):
    """10003 is 0.10.3"""
    return f"{value // 1000000}.{value // 1000 % 1000}.{value % 1000}"


def nibbles(value):
    """0x1000009 is 1.0.9"""
    return f"{value >> 24}.{value >> 12 & 4095}.{value & 4095}"


def freetype(library):
    handle = ctypes.c_void_p()
    library.FT_Init_FreeType(ctypes.byref(handle))
    numbers = [ctypes.c_int() for _ in range(3)]
    library.FT_Library_Version(handle, *[ctypes.byref(number) for number in numbers])
    return ".".join(str(number.value) for number in numbers)


def pcre2(library):
    buffer = ctypes.create_string_buffer(64)
    library.pcre2_config_8(11, buffer)
    return buffer.value


def proj(library):
    class Info(ctypes.Structure):
        _fields_ = [("major", ctypes.c_int), ("minor", ctypes.c_int), ("patch", ctypes.c_int), ("rest", ctypes.c_void_p * 8)]

    library.proj_info.restype = Info
    info = library.proj_info()
    return f"{info.major}.{info.minor}.{info.patch}"


# Product as upstream calls it, then how to ask.
QUESTIONS = [
    ("zlib", text("zlibVersion")),
    ("zlib-ng", text("zlibng_version")),
    ("openssl", text("OpenSSL_version", 0)),
    ("openssl", text("SSLeay_version", 0)),
    ("curl", text("curl_version")),
    ("libpng", number("png_access_version_number", decimal)),
    ("tiff", text("TIFFGetVersion")),
    ("libwebp", number("WebPGetDecoderVersion", octets)),
    ("libwebp", number("WebPGetEncoderVersion", octets)),
    ("libwebp", number("WebPGetMuxVersion", octets)),
    ("libwebp", number("WebPGetDemuxVersion", octets)),
    ("freetype", ("FT_Library_Version", freetype)),
    ("brotli", number("BrotliDecoderVersion", nibbles)),
    ("brotli", number("BrotliEncoderVersion", nibbles)),
    ("sqlite", text("sqlite3_libversion")),
    ("lz4", text("LZ4_versionString")),
    ("zstd", text("ZSTD_versionString")),
    ("xz", text("lzma_version_string")),
    ("bzip2", text("BZ2_bzlibVersion")),
    ("libxml2", ("xmlParserVersion", lambda l: decimal(int(ctypes.c_char_p.in_dll(l, "xmlParserVersion").value.split(b"-")[0])))),
    ("libxslt", integer("xsltLibxsltVersion", decimal)),
    ("expat", text("XML_ExpatVersion")),
    ("hdf5", parts("H5get_libversion", 3)),
    ("ffmpeg", text("av_version_info")),
    ("geos", text("GEOSversion")),
    ("proj", ("proj_info", proj)),
    ("gdal", text("GDALVersionInfo", b"RELEASE_NAME")),
    ("netcdf", text("nc_inq_libvers")),
    ("zeromq", parts("zmq_version", 3)),
    ("libsodium", text("sodium_version_string")),
    ("libsndfile", text("sf_version_string")),
    ("flac", pointer("FLAC__VERSION_STRING")),
    ("libvorbis", text("vorbis_version_string")),
    ("opus", text("opus_get_version_string")),
    ("lame", text("get_lame_version")),
    ("mpg123", text("mpg123_distversion", None, None, None)),
    ("libvpx", text("vpx_codec_version_str")),
    ("aom", text("aom_codec_version_str")),
    ("dav1d", text("dav1d_version")),
    ("libavif", text("avifVersion")),
    ("libheif", text("heif_get_version")),
    ("libde265", text("de265_get_version")),
    ("x265", pointer("x265_version_str")),
    ("libgit2", parts("git_libgit2_version", 3)),
    ("c-ares", text("ares_version", None)),
    ("libuv", text("uv_version_string")),
    ("nghttp2", ("nghttp2_version", lambda l: second_text(l.nghttp2_version, 0))),
    ("libssh2", text("libssh2_version", 0)),
    ("libssh", text("ssh_version", 0)),
    ("libidn2", text("idn2_check_version", None)),
    ("libpsl", text("psl_get_version")),
    ("pcre", text("pcre_version")),
    ("pcre2", ("pcre2_config_8", pcre2)),
    ("postgresql", number("PQlibVersion", lambda v: f"{v // 10000}.{v % 10000}" if v >= 100000 else decimal(v))),
    ("harfbuzz", text("hb_version_string")),
    ("lcms2", number("cmsGetEncodedCMMversion", lambda v: f"{v // 1000}.{v % 1000 // 10}" + (f".{v % 10}" if v % 10 else ""))),
    ("openjpeg", text("opj_version")),
    ("json-c", text("json_c_version")),
    ("c-blosc", text("blosc_get_version_string")),
    ("c-blosc2", text("blosc2_get_version_string")),
    ("gnutls", text("gnutls_check_version", None)),
    ("libtasn1", text("asn1_check_version", None)),
    ("libgcrypt", text("gcry_check_version", None)),
    ("libgpg-error", text("gpg_error_check_version", None)),
    ("gmp", pointer("__gmp_version")),
    ("mpfr", text("mpfr_get_version")),
    ("mpc", text("mpc_get_version")),
    ("flint", array("flint_version")),
    ("libyaml", text("yaml_get_version_string")),
    ("libarchive", ("archive_version_string", lambda l: text("archive_version_string")[1](l).split(b" ")[1])),
    ("duckdb", text("duckdb_library_version")),
    ("mysql", text("mysql_get_client_info")),
    ("librdkafka", text("rd_kafka_version_str")),
    ("lmdb", ("mdb_version", lambda l: numbers_of(l.mdb_version, 3))),
    ("glib", ("glib_check_version", lambda l: ".".join(str(ctypes.c_uint.in_dll(l, n).value) for n in ("glib_major_version", "glib_minor_version", "glib_micro_version")))),
    ("cairo", text("cairo_version_string")),
    ("pixman", text("pixman_version_string")),
    ("pango", text("pango_version_string")),
    ("fontconfig", number("FcGetVersion", decimal)),
    ("vips", text("vips_version_string")),
    ("mbedtls", ("mbedtls_version_get_string", lambda l: written(l.mbedtls_version_get_string))),
    ("libmaxminddb", text("MMDB_lib_version")),
    ("onigmo", text("onig_version")),
    ("file", number("magic_version", lambda v: f"{v // 100}.{v % 100:02}")),
    ("openblas", ("openblas_get_config", lambda l: text("openblas_get_config")[1](l).split(b" ")[1])),
    ("openblas", ("openblas_get_config64_", lambda l: text("openblas_get_config64_")[1](l).split(b" ")[1])),
    ("openblas", ("scipy_openblas_get_config", lambda l: text("scipy_openblas_get_config")[1](l).split(b" ")[1])),
    ("openblas", ("scipy_openblas_get_config64_", lambda l: text("scipy_openblas_get_config64_")[1](l).split(b" ")[1])),
    ("fftw", array("fftw_version")),
    ("gsl", pointer("gsl_version")),
    ("keyutils", array("keyutils_version_string")),
    ("tesseract", text("TessVersion")),
    ("leptonica", text("getLeptonicaVersion")),
    ("htslib", text("hts_version")),
    ("libev", ("ev_version_major", lambda l: f"{l.ev_version_major()}.{l.ev_version_minor()}")),
    ("nettle", ("nettle_version_major", lambda l: f"{l.nettle_version_major()}.{l.nettle_version_minor()}")),
    ("libraw", text("libraw_version")),
    ("libjxl", number("JxlDecoderVersion", thousands)),
    ("libjxl", number("JxlEncoderVersion", thousands)),
    ("sdl2", ("SDL_GetVersion", lambda l: octets_of(l.SDL_GetVersion))),
    ("libmicrohttpd", text("MHD_get_version")),
    ("qt", text("qVersion")),
]

# A banner says more than the version; the first thing in it that looks like one is it.
VERSION = re.compile(r"(?<![\w.])[vVnN]?(\d+(?:\.\d+)+(?:[a-z]{1,2}(?![a-z0-9])|-?(?:rc|alpha|beta)\d*)?)")


def second_text(function, argument):
    class Info(ctypes.Structure):
        _fields_ = [("age", ctypes.c_int), ("number", ctypes.c_int), ("text", ctypes.c_char_p)]

    function.restype = ctypes.POINTER(Info)
    return function(argument).contents.text


def numbers_of(function, count):
    numbers = [ctypes.c_int() for _ in range(count)]
    function(*[ctypes.byref(number) for number in numbers])
    return ".".join(str(number.value) for number in numbers)


def octets_of(function):
    buffer = (ctypes.c_ubyte * 3)()
    function(buffer)
    return ".".join(str(octet) for octet in buffer)


def written(function):
    buffer = ctypes.create_string_buffer(64)
    function(buffer)
    return buffer.value


def asked(path):
    """The questions that a file's own functions can answer."""
    names = defined(path)
    return [(product, question) for product, question in QUESTIONS if question[0] in names]


def ask(path):
    questions = asked(path)
    library = ctypes.CDLL(path, mode=os.RTLD_LAZY)
    for product, (_, call) in questions:
        answer = call(library)
        answer = answer.decode("latin-1") if isinstance(answer, bytes) else str(answer)
        match = VERSION.search(answer)
        if match:
            print(path, product, match[1], sep="\t", flush=True)


def child(path):
    if not asked(path):
        return []
    try:
        run = subprocess.run([sys.executable, __file__, path], capture_output=True, timeout=30, check=False)
    except subprocess.TimeoutExpired:
        return []
    return sorted(set(run.stdout.decode().splitlines(keepends=True)))


def main():
    if len(sys.argv) == 2:
        return ask(sys.argv[1])
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for lines in pool.map(child, sys.stdin.read().splitlines()):
            sys.stdout.write("".join(lines))


main()
