local custom_keywords = {}
custom_keywords.mailcow = function(task)
  return nil
end
return custom_keywords
