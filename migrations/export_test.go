package migrations

// Rechain is what migration 63 does with the decisions that are there.
var Rechain = rechain

// OldHash is a decision's hash as it was before that.
var OldHash = hashOf
