/* web_pages.c - the folder of pages, read whole at start: what is served cannot change under way, and no
 * path that a peer sends ever reaches the file system.
 *
 * Called by web.c (read, drop) and web_http.c (find). Never opens a file later.
 */
#include "io/web_inside.h"

#include <dirent.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const struct {
    const char *ending;
    const char *type;
} types[] = {
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".mjs", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".webmanifest", "application/manifest+json"},
    {".json", "application/json"},
    {".woff2", "font/woff2"},
    {".txt", "text/plain; charset=utf-8"},
};

static const char *type_of(const char *name)
{
    const char *ending = strrchr(name, '.');
    for (size_t i = 0; ending != NULL && i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(ending, types[i].ending) == 0) {
            return types[i].type;
        }
    }
    return NULL;
}

static enum err load(const char *file, struct web_page *page, size_t room)
{
    FILE *stream = fopen(file, "rb");
    struct stat info;
    if (stream == NULL) {
        return ERR_IO;
    }
    enum err err = ERR_OK;
    if (fstat(fileno(stream), &info) != 0) {
        err = ERR_IO;
    } else if (info.st_size < 0 || (size_t)info.st_size > room) {
        err = ERR_FULL;
    } else {
        page->len = (size_t)info.st_size;
        page->bytes = malloc(LWS_PRE + page->len + 1);
        err = page->bytes == NULL ? ERR_FULL : ERR_OK;
    }
    if (err == ERR_OK && fread(page->bytes + LWS_PRE, 1, page->len, stream) != page->len) {
        err = ERR_IO;
    }
    (void)fclose(stream);
    if (err != ERR_OK) {
        free(page->bytes);
        page->bytes = NULL;
        return err;
    }
    uint8_t hash[16];
    crypto_generichash(hash, sizeof(hash), page->bytes + LWS_PRE, page->len, NULL, 0);
    struct buf etag = buf_of(page->etag, sizeof(page->etag));
    buf_put_str(&etag, "\"");
    buf_put_hex(&etag, slice_of(hash, sizeof(hash)));
    buf_put_str(&etag, "\"");
    (void)buf_cstr(&etag);
    return ERR_OK;
}

static enum err add(struct web_pages *pages, const char *file, const char *path)
{
    const char *type = type_of(path);
    if (type == NULL) {
        return ERR_OK; /* a README or a source map beside the pages is not served */
    }
    struct web_page page = {.type = type};
    int len = snprintf(page.path, sizeof(page.path), "%s", path);
    if (pages->count == WEB_PAGES_MAX || len < 0 || (size_t)len >= sizeof(page.path)) {
        return ERR_FULL;
    }
    enum err err = load(file, &page, WEB_PAGES_BYTES - pages->bytes);
    if (err == ERR_OK) {
        pages->bytes += page.len;
        pages->pages[pages->count] = page;
        pages->count++;
    }
    return err;
}

static enum err walk(struct web_pages *pages, const char *folder, const char *path, int depth,
                     char *ret_why, size_t why_room)
{
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        (void)snprintf(ret_why, why_room, "The folder of the pages, %s, cannot be read (%s).",
                       folder, strerror(errno));
        return ERR_IO;
    }
    enum err err = ERR_OK;
    const struct dirent *entry = readdir(dir);
    for (; entry != NULL && err == ERR_OK; entry = readdir(dir)) {
        char file[1024];
        char below[WEB_PAGE_PATH * 2];
        struct stat info;
        int len = snprintf(file, sizeof(file), "%s/%s", folder, entry->d_name);
        int below_len = snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
        if (entry->d_name[0] == '.' || len < 0 || (size_t)len >= sizeof(file) || below_len < 0 ||
            (size_t)below_len >= sizeof(below) || stat(file, &info) != 0) {
            continue;
        }
        if (S_ISDIR(info.st_mode) && depth < WEB_PAGES_DEPTH) {
            err = walk(pages, file, below, depth + 1, ret_why, why_room);
        } else if (S_ISREG(info.st_mode)) {
            err = add(pages, file, below);
            if (err != ERR_OK) {
                (void)snprintf(
                    ret_why, why_room,
                    "The page %s cannot be read, or the folder holds more than %d pages or "
                    "%d MiB.",
                    file, WEB_PAGES_MAX, WEB_PAGES_BYTES / 1048576);
            }
        }
    }
    (void)closedir(dir);
    return err;
}

enum err web_pages_read(const char *folder, struct web_pages *ret_pages, char *ret_why,
                        size_t why_room)
{
    struct web_pages pages = {.pages = calloc(WEB_PAGES_MAX, sizeof(*pages.pages))};
    if (pages.pages == NULL) {
        (void)snprintf(ret_why, why_room, "There is not enough memory for the pages.");
        return ERR_FULL;
    }
    enum err err = folder == NULL ? ERR_OK : walk(&pages, folder, "", 0, ret_why, why_room);
    if (err != ERR_OK) {
        web_pages_drop(&pages);
        return err;
    }
    *ret_pages = pages;
    return ERR_OK;
}

void web_pages_drop(struct web_pages *pages)
{
    for (size_t i = 0; i < pages->count; i++) {
        free(pages->pages[i].bytes);
    }
    free(pages->pages);
    *pages = (struct web_pages){0};
}

/* "/" is "/index.html", "/desk" is "/desk" or "/desk.html". */
const struct web_page *web_pages_find(const struct web_pages *pages, struct slice path)
{
    for (size_t i = 0; i < pages->count; i++) {
        const struct web_page *page = &pages->pages[i];
        struct slice name = slice_str(page->path);
        if (slice_eq(name, path)) {
            return page;
        }
        if (slice_eq_str(path, "/") && slice_eq_str(name, "/index.html")) {
            return page;
        }
        if (name.len == path.len + 5 && slice_eq_str(slice_from(name, path.len), ".html") &&
            slice_eq(slice_of(name.at, path.len), path)) {
            return page;
        }
    }
    return NULL;
}
