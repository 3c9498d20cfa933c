package sensors

// The reasons why a message, or a part of one, cannot become an observation.
// They are label values of metrics and names in the quarantine: a closed set.
const (
	ReasonEmpty        = "empty"         // no bytes, or an array without an element
	ReasonBadJSON      = "bad_json"      // not JSON; the whole message is refused
	ReasonInvalidUTF8  = "invalid_utf8"  // the whole message is refused
	ReasonTooLarge     = "too_large"     // message, array, id or attrs over its limit
	ReasonTooDeep      = "too_deep"      // nested deeper than the format allows
	ReasonNotObject    = "not_object"    // an element is not a JSON object
	ReasonBadField     = "bad_field"     // a field has the wrong type or content
	ReasonBadTime      = "bad_time"      // neither RFC 3339 nor epoch milliseconds
	ReasonBadPosition  = "bad_position"  // half a position, or one that is not on Earth
	ReasonMissingKind  = "missing_kind"  // no kind
	ReasonMissingValue = "missing_value" // a measure without a value

	ReasonWrongUnit         = "wrong_unit"         // a unit that is unknown or measures something else than the kind, see [Convert]
	ReasonBadEncoding       = "bad_encoding"       // not CBOR or protobuf, or not of this form; the whole message is refused
	ReasonNotArray          = "not_array"          // a list of records is none; the whole message is refused
	ReasonBadName           = "bad_name"           // a record's name is none by its format
	ReasonBadVersion        = "bad_version"        // of the format; the whole message is refused
	ReasonMustKnow          = "must_know"          // a field that must be understood and is not; the whole message is refused
	ReasonUnknownAlias      = "unknown_alias"      // a number that no birth certificate has named
	ReasonUnknownDatastream = "unknown_datastream" // a datastream that the configuration does not map to a device and a kind
	ReasonBadDevice         = "bad_device"         // what names the device is not a device id
	ReasonNoProfile         = "no_profile"         // nobody says what the fields of the device's object mean
	ReasonNotDelivered      = "not_delivered"      // the network says that it could not read or deliver a device's message

	// What the catalogue refuses, see [Catalog.Check].
	ReasonUnknownKind     = "unknown_kind"
	ReasonNotANumber      = "not_a_number"
	ReasonOutOfRange      = "out_of_range"
	ReasonFutureTime      = "future_time"
	ReasonImplausibleTime = "implausible_time"
)

// Reasons returns every Reason constant, for metrics that start at zero.
func Reasons() []string {
	return []string{
		ReasonEmpty, ReasonBadJSON, ReasonInvalidUTF8, ReasonTooLarge, ReasonTooDeep,
		ReasonNotObject, ReasonBadField, ReasonBadTime, ReasonBadPosition,
		ReasonMissingKind, ReasonMissingValue, ReasonBadDevice,
		ReasonWrongUnit, ReasonUnknownDatastream,
		ReasonNoProfile, ReasonNotDelivered,
		ReasonBadEncoding, ReasonNotArray, ReasonBadName, ReasonBadVersion, ReasonMustKnow, ReasonUnknownAlias,
		ReasonUnknownKind, ReasonNotANumber, ReasonOutOfRange,
		ReasonFutureTime, ReasonImplausibleTime,
	}
}

// WholeMessage is the Index of a Fault that concerns the message as a whole.
const WholeMessage = -1

// Fault says why a message, or one element of it, is not an observation.
type Fault struct {
	Index  int    // of the element in the array, 0 for a message that is one object, or WholeMessage
	Reason string // one of the Reason constants
	Detail string // what exactly was wrong, for a person
	Raw    []byte // the element, or the whole message: a part of the payload, not a copy
}
