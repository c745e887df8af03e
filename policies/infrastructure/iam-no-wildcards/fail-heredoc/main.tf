resource "aws_iam_user_policy" "backup" {
  user   = "backup"
  policy = <<-EOT
    {
      "Version": "2012-10-17",
      "Statement": [
        {"Effect": "Allow", "Action": ["s3:Get*", "s3:List*"], "Resource": "*"}
      ]
    }
  EOT
}
