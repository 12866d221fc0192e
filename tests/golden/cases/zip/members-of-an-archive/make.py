from zip_export import account_export

account_export("export.zip")
