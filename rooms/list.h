#pragma once
/* Intrusive doubly linked lists: linking and unlinking are O(1) and can't fail. */
#include "proto/defs.h"

struct list_node {
	struct list_node *next, *prev; /* both NULL: on no list */
};

/* The head is a node too: a list is a ring. */
struct list {
	struct list_node head;
};

static inline void list_init(struct list *list)
{
	list->head.next = list->head.prev = &list->head;
}

static inline bool list_is_empty(const struct list *list)
{
	return list->head.next == &list->head;
}

static inline bool list_is_linked(const struct list_node *node)
{
	return node->next != NULL;
}

static inline struct list_node *list_first(const struct list *list)
{
	return list_is_empty(list) ? NULL : list->head.next;
}

static inline void list_append(struct list *list, struct list_node *node)
{
	node->prev = list->head.prev;
	node->next = &list->head;
	node->prev->next = node;
	list->head.prev = node;
}

/* Nothing happens to a node that is on no list. */
static inline void list_unlink(struct list_node *node)
{
	if (!list_is_linked(node))
		return;
	node->prev->next = node->next;
	node->next->prev = node->prev;
	node->next = node->prev = NULL;
}

static inline void list_move_to_end(struct list *list, struct list_node *node)
{
	list_unlink(node);
	list_append(list, node);
}
