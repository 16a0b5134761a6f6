"""通知公文: official documents, their numbers, recipients and parts."""
