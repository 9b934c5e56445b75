#include "report/json_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "base/utf8.h"
#include "io/fs/fs.h"

json_t *json_file_text(const char *text)
{
    char *copy = strdup(text);
    json_t *object;

    if (copy)
        utf8_mask(copy);
    object = copy ? json_string(copy) : NULL;
    free(copy);
    return object;
}

int json_file_write(json_t *object, const char *path, struct err *err)
{
    char *text = object ? json_dumps(object, JSON_INDENT(2)) : NULL;
    struct strbuf line = { 0 };
    int rc;

    json_decref(object);
    strbuf_addf(&line, "%s\n", text ? text : "");
    rc = !text || line.failed
             ? err_memory(err, "the report")
             : fs_write_all(NULL, path, line.data, line.len, true, false, err);
    free(text);
    strbuf_release(&line);
    return rc;
}
