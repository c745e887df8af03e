# Mail by SMTP needs a user.
resource "aws_iam_user" "smtp" {
  name = "smtp"
}

resource "aws_iam_access_key" "smtp" {
  user = aws_iam_user.smtp.name
}

resource "aws_secretsmanager_secret_version" "smtp" {
  secret_id     = "smtp"
  secret_string = aws_iam_access_key.smtp.ses_smtp_password_v4
}

resource "aws_iam_user" "old" {
  name = "old"
}

resource "aws_iam_access_key" "old" {
  user   = aws_iam_user.old.name
  status = "Inactive"
}

module "neither" {
  source  = "terraform-aws-modules/iam/aws//modules/iam-user"
  version = "5.39.1"

  name                          = "nobody"
  create_iam_access_key         = false
  create_iam_user_login_profile = false
}
