/* One function for each library of programs.txt that uses it as a program would; USES lists those that a program has.
 *
 * Functions are declared here by hand, so that no header of any release is needed. None asks for a version: whether a version's
 * text stays in the program is left to the library. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned char in[1 << 16], out[1 << 17];

#ifdef USE_zlib
int compress2(unsigned char *, unsigned long *, const unsigned char *, unsigned long, int);
int uncompress(unsigned char *, unsigned long *, const unsigned char *, unsigned long);
void *gzopen(const char *, const char *);
int gzread(void *, void *, unsigned);
int gzclose(void *);
static int use_zlib(size_t n) {
  unsigned long size = sizeof out, back = sizeof in;
  void *file = gzopen((char *)in, "rb");
  int sum = file ? gzread(file, out, 100) + gzclose(file) : 0;
  return sum + compress2(out, &size, in, n, 9) + uncompress(in, &back, out, size);
}
#endif

#ifdef USE_sqlite
int sqlite3_open(const char *, void **);
int sqlite3_exec(void *, const char *, void *, void *, char **);
int sqlite3_close(void *);
static int use_sqlite(size_t n) {
  void *database = NULL;
  int state = sqlite3_open((char *)in, &database) + (int)n;
  return state + sqlite3_exec(database, (char *)in, NULL, NULL, NULL) + sqlite3_close(database);
}
#endif

#ifdef USE_bzip2
int BZ2_bzBuffToBuffCompress(char *, unsigned *, char *, unsigned, int, int, int);
int BZ2_bzBuffToBuffDecompress(char *, unsigned *, char *, unsigned, int, int);
static int use_bzip2(size_t n) {
  unsigned size = sizeof out, back = sizeof in;
  int state = BZ2_bzBuffToBuffCompress((char *)out, &size, (char *)in, n, 9, 0, 0);
  return state + BZ2_bzBuffToBuffDecompress((char *)in, &back, (char *)out, size, 0, 0);
}
#endif

#ifdef USE_xz
int lzma_easy_buffer_encode(unsigned, int, void *, const unsigned char *, size_t, unsigned char *, size_t *, size_t);
int lzma_stream_buffer_decode(unsigned long long *, unsigned, void *, const unsigned char *, size_t *, size_t, unsigned char *, size_t *, size_t);
static int use_xz(size_t n) {
  size_t size = 0, from = 0, to = 0;
  unsigned long long limit = 1 << 30;
  int state = lzma_easy_buffer_encode(6, 4, NULL, in, n, out, &size, sizeof out);
  return state + lzma_stream_buffer_decode(&limit, 0, NULL, out, &from, size, in, &to, sizeof in);
}
#endif

#ifdef USE_zstd
size_t ZSTD_compress(void *, size_t, const void *, size_t, int);
size_t ZSTD_decompress(void *, size_t, const void *, size_t);
const char *ZSTD_getErrorName(size_t);
static int use_zstd(size_t n) {
  size_t size = ZSTD_compress(out, sizeof out, in, n, 19);
  puts(ZSTD_getErrorName(size));
  return (int)ZSTD_decompress(in, sizeof in, out, size);
}
#endif

#ifdef USE_lz4
int LZ4_compress_HC(const char *, char *, int, int, int);
int LZ4_decompress_safe(const char *, char *, int, int);
size_t LZ4F_compressFrame(void *, size_t, const void *, size_t, const void *);
const char *LZ4F_getErrorName(size_t);
static int use_lz4(size_t n) {
  int size = LZ4_compress_HC((char *)in, (char *)out, (int)n, sizeof out, 9);
  puts(LZ4F_getErrorName(LZ4F_compressFrame(out, sizeof out, in, n, NULL)));
  return size + LZ4_decompress_safe((char *)out, (char *)in, size, sizeof in);
}
#endif

#ifdef USE_brotli
int BrotliEncoderCompress(int, int, int, size_t, const unsigned char *, size_t *, unsigned char *);
int BrotliDecoderDecompress(size_t, const unsigned char *, size_t *, unsigned char *);
static int use_brotli(size_t n) {
  size_t size = sizeof out, back = sizeof in;
  return BrotliEncoderCompress(11, 22, 0, n, in, &size, out) + BrotliDecoderDecompress(size, out, &back, in);
}
#endif

#ifdef USE_expat
void *XML_ParserCreate(const char *);
int XML_Parse(void *, const char *, int, int);
int XML_GetErrorCode(void *);
const char *XML_ErrorString(int);
static int use_expat(size_t n) {
  void *parser = XML_ParserCreate(NULL);
  int state = XML_Parse(parser, (char *)in, (int)n, 1);
  puts(XML_ErrorString(XML_GetErrorCode(parser)) ? "no" : "yes");
  return state;
}
#endif

#ifdef USE_freetype
int FT_Init_FreeType(void **);
int FT_New_Memory_Face(void *, const unsigned char *, long, long, void **);
int FT_Load_Char(void *, unsigned long, int);
static int use_freetype(size_t n) {
  void *library = NULL, *face = NULL;
  int state = FT_Init_FreeType(&library) + FT_New_Memory_Face(library, in, (long)n, 0, &face);
  return state ? state : FT_Load_Char(face, 'a', 4);
}
#endif

#ifdef USE_libpng
void *png_create_read_struct_2(const char *, void *, void *, void *, void *, void *, void *);
void *png_create_write_struct(const char *, void *, void *, void *);
void *png_create_info_struct(void *);
void png_init_io(void *, FILE *);
void png_read_png(void *, void *, int, void *);
void png_write_png(void *, void *, int, void *);
static int use_libpng(size_t n) {
  void *reader = png_create_read_struct_2((char *)in, NULL, NULL, NULL, NULL, NULL, NULL);
  void *writer = png_create_write_struct((char *)in, NULL, NULL, NULL);
  if (!reader || !writer) return (int)n;
  png_init_io(reader, stdin);
  png_read_png(reader, png_create_info_struct(reader), 0x4000, NULL);
  png_write_png(writer, png_create_info_struct(writer), 0, NULL);
  return 0;
}
#endif

#ifdef USE_libjpeg_turbo
void *jpeg_std_error(void *);
void jpeg_CreateDecompress(void *, int, size_t);
int jpeg_read_header(void *, int);
int jpeg_start_decompress(void *);
unsigned jpeg_read_scanlines(void *, void *, unsigned);
void jpeg_CreateCompress(void *, int, size_t);
void jpeg_set_defaults(void *);
void jpeg_start_compress(void *, int);
void jpeg_mem_src(void *, const unsigned char *, unsigned long);
static int use_libjpeg_turbo(size_t n) {
  *(void **)out = jpeg_std_error(in);
  jpeg_CreateDecompress(out, 62, n);
  jpeg_mem_src(out, in, n);
  jpeg_read_header(out, 1);
  jpeg_start_decompress(out);
  jpeg_read_scanlines(out, in, 1);
  jpeg_CreateCompress(out, 62, n);
  jpeg_set_defaults(out);
  jpeg_start_compress(out, 1);
  return 0;
}
#endif

#ifdef USE_libwebp
unsigned char *WebPDecodeRGBA(const unsigned char *, size_t, int *, int *);
size_t WebPEncodeRGBA(const unsigned char *, int, int, int, float, unsigned char **);
static int use_libwebp(size_t n) {
  int width = 0, height = 0;
  unsigned char *made = NULL;
  return (WebPDecodeRGBA(in, n, &width, &height) != NULL) + (int)WebPEncodeRGBA(in, width, height, 4 * width, 75, &made);
}
#endif

#ifdef USE_onigmo
int onig_new(void **, const unsigned char *, const unsigned char *, unsigned, void *, void *, void *);
int onig_search(void *, const unsigned char *, const unsigned char *, const unsigned char *, const unsigned char *, void *, unsigned);
int onig_error_code_to_str(unsigned char *, int, ...);
extern char OnigEncodingUTF8[], OnigSyntaxRuby[];
static int use_onigmo(size_t n) {
  void *pattern = NULL;
  int state = onig_new(&pattern, in, in + n, 0, OnigEncodingUTF8, OnigSyntaxRuby, out);
  return onig_error_code_to_str(out, state) + onig_search(pattern, in, in + n, in, in + n, NULL, 0);
}
#endif

#ifdef USE_pcre2
void *pcre2_compile_8(const unsigned char *, size_t, unsigned, int *, size_t *, void *);
void *pcre2_match_data_create_from_pattern_8(void *, void *);
int pcre2_match_8(void *, const unsigned char *, size_t, size_t, unsigned, void *, void *);
int pcre2_jit_compile_8(void *, unsigned);
int pcre2_get_error_message_8(int, unsigned char *, size_t);
static int use_pcre2(size_t n) {
  int error = 0;
  size_t at = 0;
  void *code = pcre2_compile_8(in, n, 0, &error, &at, NULL);
  int state = pcre2_get_error_message_8(error, out, sizeof out) + pcre2_jit_compile_8(code, 1);
  return state + pcre2_match_8(code, in, n, 0, 0, pcre2_match_data_create_from_pattern_8(code, NULL), NULL);
}
#endif

#ifdef USE_nghttp2
int nghttp2_session_callbacks_new(void **);
int nghttp2_session_client_new(void **, void *, void *);
long nghttp2_session_mem_recv(void *, const unsigned char *, size_t);
int nghttp2_session_send(void *);
const char *nghttp2_strerror(int);
static int use_nghttp2(size_t n) {
  void *calls = NULL, *session = NULL;
  nghttp2_session_callbacks_new(&calls);
  nghttp2_session_client_new(&session, calls, NULL);
  puts(nghttp2_strerror((int)nghttp2_session_mem_recv(session, in, n)));
  return nghttp2_session_send(session);
}
#endif

#ifdef USE_curl
void *curl_easy_init(void);
int curl_easy_setopt(void *, int, ...);
int curl_easy_perform(void *);
const char *curl_easy_strerror(int);
static int use_curl(size_t n) {
  void *handle = curl_easy_init();
  curl_easy_setopt(handle, 10002, in);
  puts(curl_easy_strerror(curl_easy_perform(handle)));
  return (int)n;
}
#endif

#ifdef USE_mbedtls
void mbedtls_ssl_init(void *);
void mbedtls_ssl_config_init(void *);
int mbedtls_ssl_config_defaults(void *, int, int, int);
int mbedtls_ssl_setup(void *, void *);
int mbedtls_ssl_handshake(void *);
int mbedtls_x509_crt_parse(void *, const unsigned char *, size_t);
void mbedtls_strerror(int, char *, size_t);
static int use_mbedtls(size_t n) {
  mbedtls_ssl_init(out);
  mbedtls_ssl_config_init(in);
  int state = mbedtls_ssl_config_defaults(in, 0, 0, 0) + mbedtls_ssl_setup(out, in);
  mbedtls_strerror(mbedtls_x509_crt_parse(out + 4096, in, n), (char *)in, sizeof in);
  return state + mbedtls_ssl_handshake(out);
}
#endif

#ifdef USE_lua
void *luaL_newstate(void);
void luaL_openlibs(void *);
int luaL_loadstring(void *, const char *);
void lua_close(void *);
static int use_lua(size_t n) {
  void *state = luaL_newstate();
  luaL_openlibs(state);
  int loaded = luaL_loadstring(state, (char *)in);
  lua_close(state);
  return loaded + (int)n;
}
#endif

#ifdef USE_lmdb
int mdb_env_create(void **);
int mdb_env_open(void *, const char *, unsigned, int);
int mdb_txn_begin(void *, void *, unsigned, void **);
int mdb_dbi_open(void *, const char *, unsigned, unsigned *);
int mdb_put(void *, unsigned, void *, void *, unsigned);
int mdb_txn_commit(void *);
char *mdb_strerror(int);
static int use_lmdb(size_t n) {
  void *environment = NULL, *transaction = NULL;
  unsigned table = 0;
  mdb_env_create(&environment);
  puts(mdb_strerror(mdb_env_open(environment, (char *)in, 0, 0644)));
  mdb_txn_begin(environment, NULL, 0, &transaction);
  mdb_dbi_open(transaction, NULL, 0, &table);
  return mdb_put(transaction, table, in, out, 0) + mdb_txn_commit(transaction) + (int)n;
}
#endif

#ifdef USE_harfbuzz
void *hb_blob_create(const char *, unsigned, int, void *, void *);
void *hb_face_create(void *, unsigned);
void *hb_font_create(void *);
void *hb_buffer_create(void);
void hb_buffer_add_utf8(void *, const char *, int, unsigned, int);
void hb_shape(void *, void *, void *, unsigned);
static int use_harfbuzz(size_t n) {
  void *buffer = hb_buffer_create();
  hb_buffer_add_utf8(buffer, (char *)in, -1, 0, -1);
  hb_shape(hb_font_create(hb_face_create(hb_blob_create((char *)in, n, 1, NULL, NULL), 0)), buffer, NULL, 0);
  return 0;
}
#endif

#ifdef USE_lcms2
void *cmsOpenProfileFromMem(const void *, unsigned);
void *cmsCreate_sRGBProfile(void);
void *cmsCreateTransform(void *, unsigned, void *, unsigned, unsigned, unsigned);
void cmsDoTransform(void *, const void *, void *, unsigned);
int cmsSaveProfileToFile(void *, const char *);
static int use_lcms2(size_t n) {
  void *profile = cmsOpenProfileFromMem(in, n);
  cmsDoTransform(cmsCreateTransform(profile, 262169, cmsCreate_sRGBProfile(), 262169, 0, 0), in, out, n);
  return cmsSaveProfileToFile(profile, (char *)in);
}
#endif

#ifdef USE_openjpeg
void *opj_create_decompress(int);
void opj_set_default_decoder_parameters(void *);
int opj_setup_decoder(void *, void *);
void *opj_stream_default_create(int);
int opj_read_header(void *, void *, void **);
int opj_decode(void *, void *, void *);
static int use_openjpeg(size_t n) {
  void *codec = opj_create_decompress(2), *stream = opj_stream_default_create(1), *image = NULL;
  opj_set_default_decoder_parameters(out);
  return opj_setup_decoder(codec, out) + opj_read_header(stream, codec, &image) + opj_decode(codec, stream, image) + (int)n;
}
#endif

#ifdef USE_libdeflate
void *libdeflate_alloc_compressor(int);
size_t libdeflate_gzip_compress(void *, const void *, size_t, void *, size_t);
void *libdeflate_alloc_decompressor(void);
int libdeflate_gzip_decompress(void *, const void *, size_t, void *, size_t, size_t *);
static int use_libdeflate(size_t n) {
  size_t size = libdeflate_gzip_compress(libdeflate_alloc_compressor(9), in, n, out, sizeof out), back = 0;
  return libdeflate_gzip_decompress(libdeflate_alloc_decompressor(), out, size, in, sizeof in, &back);
}
#endif

#ifdef USE_quickjs
void *JS_NewRuntime(void);
void *JS_NewContext(void *);
int JS_ExecutePendingJob(void *, void **);
void *JS_GetRuntime(void *);
int JS_EvalFunctionInternal(void *);
void JS_FreeContext(void *);
static int use_quickjs(size_t n) {
  void *runtime = JS_NewRuntime(), *context = JS_NewContext(runtime);
  int state = JS_ExecutePendingJob(runtime, &context) + (int)n;
  JS_FreeContext(context);
  return state;
}
#endif

#ifdef USE_libogg
int ogg_sync_init(void *);
int ogg_sync_pageout(void *, void *);
int ogg_stream_init(void *, int);
int ogg_stream_pagein(void *, void *);
int ogg_stream_packetout(void *, void *);
int ogg_stream_flush(void *, void *);
static int use_libogg(size_t n) {
  ogg_sync_init(out);
  ogg_stream_init(out + 4096, (int)n);
  int state = ogg_sync_pageout(out, in) + ogg_stream_pagein(out + 4096, in) + ogg_stream_packetout(out + 4096, in);
  return state + ogg_stream_flush(out + 4096, in);
}
#endif

int main(void) {
  size_t n = fread(in, 1, sizeof in - 1, stdin);
  return USES;
}
