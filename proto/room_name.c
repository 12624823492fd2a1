/* Room names */
#include "proto/room_name.h"

#include "proto/utf8.h"

/* C0, DEL and C1, the last being two bytes in UTF-8: U+0080 is c2 80, U+009F c2 9f. */
static bool has_control_character(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c < 0x20 || c == 0x7f)
			return true;
		if (c == 0xc2 && (unsigned char)text[i + 1] < 0xa0)
			return true;
	}
	return false;
}

const char *room_name_from_path(const char *path, size_t len, struct room_name *namep)
{
	while (len && path[0] == '/') {
		path++;
		len--;
	}
	while (len && path[len - 1] == '/')
		len--;
	if (!len) {
		*namep = (struct room_name){ROOM_NAME_DEFAULT, sizeof(ROOM_NAME_DEFAULT) - 1};
		return NULL;
	}

	if (len > ROOM_NAME_MAX)
		return "The room's name is longer than 128 bytes.";
	if (!utf8_is_valid(path, len))
		return "The room's name is not valid UTF-8.";
	if (has_control_character(path, len))
		return "The room's name has a control character in it.";
	*namep = (struct room_name){path, len};
	return NULL;
}
