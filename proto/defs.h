#pragma once
/* The few words of C that every folder uses. Includes nothing of the project. */
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>

#define _must_check_	    __attribute__((warn_unused_result))
#define _printf_(fmt, args) __attribute__((format(printf, fmt, args)))

#define N_ELEMENTS(a) (sizeof(a) / sizeof(*(a)))

/* The structure of @type whose field @field is at @ptr. */
#define container_of(ptr, type, field) ((type *)((char *)(ptr)-offsetof(type, field)))
