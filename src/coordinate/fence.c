#include "coordinate/fence.h"

#include <stdlib.h>

#include "ranks/nodes.h"

int fence_open(struct fence *fence, struct run *run, struct keeper_mail *mail,
               struct err *err)
{
    int nodes = nodes_count(&run->ranks);

    *fence = (struct fence){ .run = run, .mail = mail, .nodes = nodes };
    fence->msg = calloc(1, sizeof(*fence->msg));
    fence->left = calloc((size_t)nodes, sizeof(*fence->left));
    return fence->msg && fence->left ? 0 : err_memory(err, "what nodes are to drop");
}

void fence_release(struct fence *fence)
{
    free(fence->msg);
    free(fence->left);
    *fence = (struct fence){ 0 };
}

int fence_send(struct fence *fence, struct err *err)
{
    if (fence->msg->nitems == 0)
        return 0;
    for (int node = 0; node < fence->nodes; node++) {
        if (fence->run->nodes.failed[node])
            continue;
        fence->left[node]++;
        if (keeper_mail_fence(fence->mail, node, fence->msg, err) < 0)
            return -1;
    }
    fence->tickets = fence->mail->tickets;
    fence->msg->nitems = 0;
    return 0;
}

int fence_add(struct fence *fence, uint32_t first, uint32_t count, struct err *err)
{
    fence->msg->item[fence->msg->nitems++] =
        (struct msg_item){ .segment = first, .segments = count };
    return fence->msg->nitems == MSG_ITEMS ? fence_send(fence, err) : 0;
}

int fence_hear(struct fence *fence, int node)
{
    if (fence->left[node] == 0)
        return -1;
    fence->left[node]--;
    return 0;
}

bool fence_waits(const struct fence *fence)
{
    int node = 0;

    while (node < fence->nodes &&
           (fence->left[node] == 0 || fence->run->nodes.failed[node]))
        node++;
    return node < fence->nodes;
}
