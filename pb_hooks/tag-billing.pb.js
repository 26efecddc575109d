/// <reference path="../pb_data/types.d.ts" />

// An example for operators: note on each message whether it is about money, so
// that lists can be filtered by it (filter: context.topic = "billing").
onRecordCreate((e) => {
    const text = (e.record.get("subject") + " " + e.record.get("content")).toLowerCase()
    if (/\b(invoice|refund|charged|billing)\b/.test(text)) {
        const context = JSON.parse(e.record.getString("context") || "null") || {}
        context.topic = "billing"
        e.record.set("context", context)
    }
    e.next()
}, "feedback")
