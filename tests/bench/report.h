#pragma once
/* What came out of a run, for a person or for a program. */
#include "load.h"

void report_text(const Load *load);

/* One JSON object on one line. Figures that could not be taken are null. */
void report_json(const Load *load);
