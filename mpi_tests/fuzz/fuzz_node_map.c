/* A map of nodes of any bytes, up to the first 0xff; what follows is a path. */
#include <stdlib.h>
#include <string.h>

#include "core/plan/node_map.h"
#include "core/plan/node_wants.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct node_host hosts[] = { { "n0", 0, 0 },
                                          { "n1.cluster.example", 1, 1 },
                                          { "n2", 2, 1 } };

/* Both ways of asking say the same. */
static void ask(struct node_map *map, const char *path)
{
    struct plan plan = { 0 };
    struct node_wants wants = { 0 };
    bool any = false;

    for (size_t i = 0; i < 3; i++)
        node_map_place(map, hosts[i].name, hosts[i].number);
    if (plan_add(&plan, &(struct plan_entry){ .path = path }, NULL) < 0 ||
        node_wants_create(&wants, &plan, 2, map, hosts, 3, NULL) < 0 ||
        node_wants_group(&wants, NULL) < 0)
        abort();
    for (uint32_t node = 0; node < 2; node++)
        any |= node_wants_file(&wants, node, 0);
    if (wants.groups != 1 || any != node_map_keeps(map, path))
        abort();
    node_wants_release(&wants);
    plan_release(&plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *cut = size > 0 ? memchr(data, 0xff, size) : NULL;
    size_t len = cut ? (size_t)(cut - data) : size;
    char *text = malloc(len > 0 ? len : 1); /* so that a look behind it is seen */
    char path[64] = "model-1";
    struct node_map map;
    struct err err = { 0 };

    if (!text)
        abort();
    if (len > 0)
        memcpy(text, data, len);
    if (cut) {
        size_t rest =
            size - len - 1 < sizeof(path) - 1 ? size - len - 1 : sizeof(path) - 1;

        memcpy(path, cut + 1, rest);
        path[rest] = '\0';
    }
    if (node_map_parse(&map, "map", text, len, &err) == 0)
        ask(&map, path);
    else if (err.code != ERR_USAGE || !*err.text)
        abort();
    node_map_release(&map);
    free(text);
    return 0;
}
