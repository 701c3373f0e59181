/* message.h - a case as protobuf message, for those who put it into a larger one (the door's pages). */
#pragma once

#include "alarm/record.h"
#include "samlarm/v1/alarm.pb-c.h"

struct case_message {
    Samlarm__V1__Case message;
    Samlarm__V1__Offer offers[OFFERS_MAX];
    Samlarm__V1__Offer *offer_at[OFFERS_MAX];
};

/* The message borrows every text of `value`; it owns nothing. */
void case_message_fill(const struct case_value *value, struct case_message *ret_message);
