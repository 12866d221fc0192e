# ASAPP's create-or-update bodies → conversations. Times of this data are in UTC already, and jq's own have no fractions of a
# second: they are passed on as they are. What is not known is null.
{"web": "chat", "android": "chat", "ios": "chat", "sms": "sms", "voice": "phone", "email": "email"} as $platforms
| {
    external_id: .externalId,
    platform: "asapp",
    channel: $platforms[.metadata.channel // .metadata.platform],
    queue_id: .metadata.queue,
    assigned_agent_id: .agent.externalId,
    customer_id: .customer.externalId,
    started_at: .timestamp,
    metadata: {
      asapp_id: .id,
      agent_name: .agent.name,
      customer_name: .customer.name,
      organizationalGroup: .metadata.organizationalGroup,
      subdivision: .metadata.subdivision,
      language: .metadata.language
    }
  }
